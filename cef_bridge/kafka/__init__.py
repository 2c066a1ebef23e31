"""What a source and a destination of Kafka have in common: the client's settings, and its errors.

The client is confluent-kafka (librdkafka), an extra: `pip install 'cef-bridge[kafka]'`.
"""
