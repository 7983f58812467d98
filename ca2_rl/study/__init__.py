"""Studies of agents: reading a study's file, and the job that trains and measures one agent."""
