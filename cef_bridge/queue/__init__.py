"""The disk queue of a destination: what is accepted stays until it is delivered."""
