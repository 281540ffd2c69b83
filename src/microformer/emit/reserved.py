"""Names that an emitted project must not have: its header's folder is a public include folder.

A model called ``signal`` would shadow ``<signal.h>`` for the whole firmware, one called ``test``
be refused by CMake, one called ``m`` be linked in place of the library of mathematics.
"""

_C_HEADERS = """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp
signal stdalign stdarg stdatomic stdbit stdbool stdckdint stddef stdint stdio stdlib stdnoreturn
string tgmath threads time uchar wchar wctype"""

_CXX_HEADERS = """algorithm any array atomic barrier bit bitset cassert ccomplex cctype cerrno
cfenv cfloat charconv chrono cinttypes ciso646 climits clocale cmath codecvt compare complex
concepts condition_variable coroutine csetjmp csignal cstdalign cstdarg cstdbool cstddef cstdint
cstdio cstdlib cstring ctgmath ctime cuchar cwchar cwctype debugging deque exception execution
expected filesystem flat_map flat_set format forward_list fstream functional future generator
initializer_list inplace_vector iomanip ios iosfwd iostream istream iterator latch limits linalg
list locale map mdspan memory memory_resource mutex new numbers numeric optional ostream print
queue random ranges ratio rcu regex scoped_allocator semaphore set shared_mutex simd source_location
span spanstream sstream stack stacktrace stdexcept stdfloat stop_token streambuf string string_view
strstream syncstream system_error text_encoding thread tuple type_traits typeindex typeinfo
unordered_map unordered_set utility valarray variant vector version"""

_POSIX_HEADERS = """aio cpio dirent dlfcn endian fcntl fmtmsg fnmatch ftw glob grp iconv langinfo
libgen libintl monetary mqueue ndbm netdb nl_types poll pthread pwd regex sched search semaphore
spawn strings stropts syslog tar termios trace ulimit unistd utime utmp utmpx varargs wordexp"""

_LIBRARY_HEADERS = """a_out aliases alloca ansidecl argp argz ar
byteswap cpuid crypt elf envlib envz err error execinfo expat features fstab fts getopt gconv
gnu_versions ieeefp ifaddrs io kernel lastlog libio link machine malloc mcheck memory mntent newlib
obstack paths picolibc printf proc_service pty ranlib reent re_comp regdef regexp resolv rpc
sgtty shadow stab std stdio_ext stdc_predef sysexits syscall syslimits thread_db threads tls
ttyent ucontext unctrl unwind uuid values wait windows winsock xlocale"""

_COMPILER_HEADERS = """arm_acle arm_bf16 arm_cde arm_cmse arm_fp16 arm_mve arm_neon arm_sve
cmse cpuid float128 gcov immintrin intrin lint mm_malloc omp openacc plugin quadmath sanitizer
tmmintrin unwind varargs x86intrin xmmintrin riscv_vector cmsis cmsis_compiler cmsis_gcc
cmsis_version core_cm0plus core_cm4 core_cm7 core_cm33 core_cm55 core_cm85 pmsis pulp rt"""

_C_KEYWORDS = """alignas alignof auto bool break case char const constexpr continue default do
double else enum extern false float for goto if inline int long nullptr register restrict return
short signed sizeof static static_assert struct switch thread_local true typedef typeof
typeof_unqual union unsigned void volatile while asm fortran main"""

_CXX_KEYWORDS = """and and_eq asm bitand bitor catch char8_t char16_t char32_t class co_await
co_return co_yield compl concept const_cast consteval constinit decltype delete dynamic_cast
explicit export final friend import module mutable namespace new noexcept not not_eq operator or
or_eq override private protected public reflexpr reinterpret_cast requires static_cast
synchronized template this throw try typeid typename using virtual wchar_t xor xor_eq"""

_MACROS = "errno stdin stdout stderr null eof linux unix arm i386 vax sun near far huge interrupt"

_CMAKE = """all all_build analyze_api_compatibility clean clean_all codegen continuous depend
edit_cache experimental global_checks_dir help install list_install_components nightly
nightlymemorycheck none package package_source preinstall project rebuild_cache run_tests test
uninstall zero_check verify"""

_LIBRARIES = """anl atomic bsd c c_nano cmocka crypt dl g g_nano gcc gcc_eh gcc_s gcov gomp gosl
itm m mcheck mvec nosys nsl nss_files ntdll objc pthread pulp_rt rdimon resolv rt semihost ssp
stdc stdcxx supc supcxx thread_db ubsan unwind util uuid"""

_OURS = "mf microformer harness build cmakelists readme"

RESERVED = frozenset(
    word
    for text in (
        *(_C_HEADERS, _CXX_HEADERS, _POSIX_HEADERS, _LIBRARY_HEADERS, _COMPILER_HEADERS),
        *(_C_KEYWORDS, _CXX_KEYWORDS, _MACROS, _CMAKE, _LIBRARIES, _OURS),
    )
    for word in text.split()
)
"""In lower case, as identifiers of ours are."""
