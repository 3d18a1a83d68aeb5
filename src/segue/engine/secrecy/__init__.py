"""What is nobody else's: secrets taken out, stores under a key, contents erased."""
