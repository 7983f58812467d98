"""Trained models for ``ca2_gan``, each in a folder MODEL/DATA: ``ca2_gan.load("MODEL/DATA")`` finds them once this is installed."""
