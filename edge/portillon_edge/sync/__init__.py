"""The talk with the cloud: the feed coming down, the journal going up, and the threads that carry both."""
