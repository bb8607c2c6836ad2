/* Wine 8 has no bcryptprimitives.dll, whose ProcessPrng Rust's std asks for random bytes. For the tests only. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    return RtlGenRandom(bytes, (ULONG)count);
}
