"""Who may pass: entitlements, schedules, the decision and its reasons."""
