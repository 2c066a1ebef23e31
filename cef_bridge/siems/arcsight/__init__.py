"""ArcSight: what is known of it."""
