"""What an agent is given to go on with: the restored context, what changed meanwhile, whether it still holds, what comes next."""
