"""`make bench`: how fast the service is, each figure beside a floor measured in the same run on the same servers."""
