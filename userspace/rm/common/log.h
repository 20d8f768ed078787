/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages for the administrator, to standard error.
 */
#ifndef KTM_RM_LOG_H
#define KTM_RM_LOG_H

/* What each line begins with; a string that stays. */
void log_name(const char *program);
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* KTM_RM_LOG_H */
