// SPDX-License-Identifier: Apache-2.0
// Result<T, E>: a value or the reason why there is none. Errors of peers and of the situation travel
// in it; a broken invariant of our own is a JB_CHECK. The shape follows std::expected, which g++ 12
// lacks in C++20.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace jb {

// Aborts in every build: only for our own bugs, never reachable from input.
#define JB_CHECK(cond)                                                                \
  do {                                                                                \
    if (!(cond)) [[unlikely]] {                                                       \
      std::fprintf(stderr, "CHECK failed: %s at %s:%d\n", #cond, __FILE__, __LINE__); \
      std::abort();                                                                   \
    }                                                                                 \
  } while (false)

#ifdef NDEBUG
#define JB_DCHECK(cond) \
  do {                  \
  } while (false && (cond))
#else
#define JB_DCHECK(cond) JB_CHECK(cond)
#endif

// A failure of the situation (room full, model busy): a stable code, and a text a person can act on.
struct Error {
  std::string code;
  std::string message;
  friend bool operator==(const Error&, const Error&) = default;
};

template <class E>
struct [[nodiscard]] Failure {
  E error;
};

template <class E>
constexpr Failure<std::decay_t<E>> Fail(E&& e) {
  return {std::forward<E>(e)};
}
inline Failure<Error> Fail(std::string code, std::string message) {
  return {Error{std::move(code), std::move(message)}};
}

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = E;
  constexpr Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  template <class F>
    requires std::is_convertible_v<F, E>
  constexpr Result(Failure<F> f) : state_(std::in_place_index<1>, std::move(f.error)) {}

  constexpr bool ok() const noexcept { return state_.index() == 0; }
  constexpr explicit operator bool() const noexcept { return ok(); }
  T& value() & {
    JB_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    JB_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    JB_CHECK(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const E& error() const& {
    JB_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, E> state_;
};

struct Unit {
  friend bool operator==(Unit, Unit) = default;
};
template <class E = Error>
using Status = Result<Unit, E>;
inline constexpr Unit kOk{};

// JB_TRY(auto x, Parse(...)); returns the failure to the caller, else defines x. Several statements:
// only inside braces.
#define JB_CONCAT_INNER(a, b) a##b
#define JB_CONCAT(a, b) JB_CONCAT_INNER(a, b)
#define JB_TRY(decl, expr) JB_TRY_IMPL(JB_CONCAT(jb_try_, __LINE__), decl, expr)
#define JB_TRY_IMPL(tmp, decl, expr)             \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return ::jb::Fail(tmp.error()); \
  decl = std::move(tmp).value()
#define JB_TRY_VOID(expr) JB_TRY_VOID_IMPL(JB_CONCAT(jb_try_, __LINE__), expr)
#define JB_TRY_VOID_IMPL(tmp, expr) \
  auto tmp = (expr);                \
  if (!tmp.ok()) return ::jb::Fail(tmp.error())

}  // namespace jb
