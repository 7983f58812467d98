"""Fast versions of Gymnasium's classic control environments, and a wrapper that discretises actions."""
