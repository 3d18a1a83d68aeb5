"""A session goes on in an agent, its own or another: what is asked for, how, and what is answered."""
