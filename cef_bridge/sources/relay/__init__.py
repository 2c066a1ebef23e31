"""KubeArmor's relay as a source: its gRPC streams as lines of JSON."""
