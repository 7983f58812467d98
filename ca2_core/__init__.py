"""Code that ``ca2_rl`` and ``ca2_gan`` share: command lines, errors, files, settings, studies, the course and the browser pages."""
