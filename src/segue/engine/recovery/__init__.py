"""What is done about damage: it is found, mended, and put together again from copies."""
