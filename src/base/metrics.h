// SPDX-License-Identifier: Apache-2.0
// A process's metrics, in Prometheus's text format on demand. A facade over prometheus-cpp, whose types
// stay in metrics.cc. Handles are cheap, stay valid as long as the Metrics object, and may be used from
// any thread. The media path keeps plain counters of its own and publishes them once in a while.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace jb {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  void Add(double by = 1);
  double Value() const;

 private:
  friend class Metrics;
  explicit Counter(void* impl) : impl_(impl) {}
  void* impl_;
};

class Gauge {
 public:
  void Set(double value);
  void Add(double by);
  double Value() const;

 private:
  friend class Metrics;
  explicit Gauge(void* impl) : impl_(impl) {}
  void* impl_;
};

class Histogram {
 public:
  void Observe(double value);
  // Many at once, counted by the caller: one number per bucket, the last for what is above all bounds.
  void ObserveCounted(const std::vector<double>& counts, double sum);

 private:
  friend class Metrics;
  explicit Histogram(void* impl) : impl_(impl) {}
  void* impl_;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same handle.
  Counter GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `bounds` are upper bucket bounds, ascending; those of the first call for a name count.
  Histogram GetHistogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                         const Labels& labels = {});

  // The text exposition format, version 0.0.4.
  std::string Serialize() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jb
