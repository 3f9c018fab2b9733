"""The API's resources: each module builds the blueprint of one."""
