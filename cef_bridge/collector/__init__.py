"""A collector for tests: takes syslog over UDP, TCP and TLS, and says what is wrong with it."""
