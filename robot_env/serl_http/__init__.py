"""The HTTP protocol of SERL's and HIL-SERL's robot servers: what its client and its facade share."""
