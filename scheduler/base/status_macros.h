// status_macros.h: hand an absl::Status up the stack (abseil 20220623 has no such macros).
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the calling function if `expression` is not OK.
#define OUTRIGGER_RETURN_IF_ERROR(expression)                           \
  do {                                                                  \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

#define OUTRIGGER_CONCAT_INNER(a, b) a##b
#define OUTRIGGER_CONCAT(a, b) OUTRIGGER_CONCAT_INNER(a, b)

// OUTRIGGER_ASSIGN_OR_RETURN(auto x, Parse(text)): assigns the value or returns the status.
#define OUTRIGGER_ASSIGN_OR_RETURN(left, expression) \
  OUTRIGGER_ASSIGN_OR_RETURN_INNER(OUTRIGGER_CONCAT(status_or_, __LINE__), left, expression)
#define OUTRIGGER_ASSIGN_OR_RETURN_INNER(status_or, left, expression) \
  auto status_or = (expression);                                      \
  if (!status_or.ok()) return std::move(status_or).status();          \
  left = *std::move(status_or)
