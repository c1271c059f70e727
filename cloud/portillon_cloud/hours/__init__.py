"""When a site's schedules are open: weekly hours, holidays, single dates."""
