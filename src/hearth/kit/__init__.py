"""The toolbox: database, clock, ids, names, paging, objects, logs. No business in it."""
