"""What an agent is given: tokens, condensing, packing, prompts."""
