/* Debian's libunwind.a is built against glibc and calls __fprintf_chk, which musl doesn't have. */
#include <stdarg.h>
#include <stdio.h>

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vfprintf(file, format, arguments);
    va_end(arguments);
    (void)flag;
    return written;
}
