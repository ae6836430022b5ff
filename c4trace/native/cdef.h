const char *c4trace_version(void);
