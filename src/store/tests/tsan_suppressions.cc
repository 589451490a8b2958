// RocksDB comes without instrumentation: ThreadSanitizer does not see its atomics and takes the memory it
// hands over between its threads for races. Ours are still seen.
#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_suppressions() { return "race:librocksdb.so\n"; }
#endif
