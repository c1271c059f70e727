"""Who is where: learnt from passages, kept over restarts, asked by anti-passback and occupancy."""
