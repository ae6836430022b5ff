const char *c4t_version(void);
