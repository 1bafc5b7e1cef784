// function_name.h: the name of the function at an address, for dumps.
#pragma once

#include <string>

namespace outrigger::scheduler {

// "outrigger::control::Serve()", by the program's own symbols, static ones too. A stripped program
// has none: then "outrigger+0x1bd0", which the one that it was stripped from names (addr2line -f).
//
// Runs on: any. Costs some 10 us, since it reads the program's file anew.
std::string FunctionName(const void* address);

}  // namespace outrigger::scheduler
