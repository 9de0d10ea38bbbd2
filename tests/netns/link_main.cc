// SPDX-License-Identifier: Apache-2.0
// Joins two network namespaces by a Link in real time:
//
//   netns_link --near NAMESPACE,DEVICE --far NAMESPACE,DEVICE [--nat ADDRESS [--lan ADDRESS]] [--seed N]
//
// Makes a TUN device in each namespace (a name under /run/netns), prints {"ok":true}, then obeys commands:
// a JSON object a line on stdin, an answer a line on stdout; ends with stdin. Addresses and routes are the
// caller's. Needs CAP_NET_ADMIN in both namespaces.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "base/socket_address.h"
#include "io/clock.h"
#include "netns/link.h"

namespace jb::netns {
namespace {

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "netns_link: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

// A TUN device in that namespace; it can be read and written from any other.
int OpenDevice(const std::string& place) {
  const std::size_t comma = place.find(',');
  if (comma == std::string::npos || place.size() - comma - 1 >= IFNAMSIZ) Die("expected NAMESPACE,DEVICE: " + place);
  const std::string path = "/run/netns/" + place.substr(0, comma);
  const int space = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) Die("cannot enter " + path);
  close(space);
  const int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) Die("cannot open /dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(request.ifr_name, place.c_str() + comma + 1, IFNAMSIZ - 1);
  if (ioctl(device, TUNSETIFF, &request) != 0) Die("cannot make " + place);
  return device;
}

// Other people's builds must not show up as jitter: punctual timers, and the first turn where allowed.
void BePunctual() {
  prctl(PR_SET_TIMERSLACK, 1);
  const sched_param priority{.sched_priority = 10};
  sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
}

class Runner {
 public:
  Runner(Link& link, int near, int far) : link_(link), fds_{near, far} {}

  void Run() {
    while (!ended_) {
      Wait();
      Read(Direction::kUp);
      Read(Direction::kDown);
      Deliver(Direction::kUp);
      Deliver(Direction::kDown);
    }
  }

 private:
  int from(Direction d) const { return fds_[d == Direction::kUp ? 0 : 1]; }
  int to(Direction d) const { return fds_[d == Direction::kUp ? 1 : 0]; }

  void Wait() {
    pollfd waiting[] = {{fds_[0], POLLIN, 0}, {fds_[1], POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    timespec timeout{};
    const auto deadline = link_.NextDeadline();
    if (deadline) {
      const std::int64_t us = std::max<std::int64_t>(0, (*deadline - io::Now()).count());
      timeout = {.tv_sec = us / 1'000'000, .tv_nsec = us % 1'000'000 * 1000};
    }
    if (ppoll(waiting, 3, deadline ? &timeout : nullptr, nullptr) < 0 && errno != EINTR) Die("ppoll");
    if (waiting[2].revents != 0) ReadCommands();
  }

  void Read(Direction direction) {
    for (;;) {
      const ssize_t size = read(from(direction), buffer_, sizeof buffer_);
      if (size <= 0) return;
      link_.Send(direction, ByteSpan(buffer_, static_cast<std::size_t>(size)), io::Now());
    }
  }

  void Deliver(Direction direction) {
    // A device that is down or full loses the packet, as a wire would.
    while (const auto packet = link_.Poll(direction, io::Now())) {
      [[maybe_unused]] const ssize_t written = write(to(direction), packet->data(), packet->size());
    }
  }

  void ReadCommands() {
    char text[4096];
    const ssize_t size = read(STDIN_FILENO, text, sizeof text);
    if (size <= 0) {
      ended_ = true;
      return;
    }
    commands_.append(text, static_cast<std::size_t>(size));
    for (std::size_t end; (end = commands_.find('\n')) != std::string::npos; commands_.erase(0, end + 1)) {
      const auto command = ParseJson(std::string_view(commands_).substr(0, end));
      Say(command.ok() ? link_.HandleCommand(*command) : json::object{{"ok", false}, {"error", "not JSON"}});
    }
  }

  static void Say(const json::object& answer) {
    std::printf("%s\n", json::serialize(answer).c_str());
    std::fflush(stdout);
  }

  Link& link_;
  const int fds_[2];
  bool ended_ = false;
  std::string commands_;
  std::uint8_t buffer_[65'536];
};

// 0 when it is not given.
std::uint32_t Address(const std::map<std::string, std::string>& options, const std::string& name) {
  const auto given = options.find(name);
  if (given == options.end()) return 0;
  const auto address = SocketAddress::Parse(given->second, 0);
  if (!address || address->is_v6) Die(name + " takes an IPv4 address");
  return LoadU32(address->ip.data());
}

int Main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  if (!options.contains("--near") || !options.contains("--far")) {
    std::fprintf(stderr,
                 "usage: netns_link --near NAMESPACE,DEVICE --far NAMESPACE,DEVICE "
                 "[--nat ADDRESS [--lan ADDRESS]] [--seed N]\n");
    return 2;
  }
  std::optional<Nat> nat;
  if (options.contains("--nat")) nat.emplace(Address(options, "--nat"), Address(options, "--lan"));
  Link link(std::strtoull(options["--seed"].c_str(), nullptr, 10) + 1, nat);
  const int near = OpenDevice(options["--near"]), far = OpenDevice(options["--far"]);
  BePunctual();
  Runner runner(link, near, far);
  std::printf("{\"ok\":true}\n");
  std::fflush(stdout);
  runner.Run();
  return 0;
}

}  // namespace
}  // namespace jb::netns

int main(int argc, char** argv) { return jb::netns::Main(argc, argv); }
