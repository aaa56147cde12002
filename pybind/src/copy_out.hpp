// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPY … TO STDOUT from Python: data gather in a bytes object while the facade is busy with the one
// before; when that is full the socket is not read.
#pragma once

#include <optional>
#include <string>

#include "pgstride/protocol/operations/copy_out.hpp"
#include "pgstride/pybind/src/exchange.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// Awaited many times: for data (bytes), and at last for the status (str).
class CopyOutRequest final : public Exchange {
 public:
  CopyOutRequest(PyObject* core, PyObject* sql) noexcept : Exchange(core, sql) {}
  ~CopyOutRequest() override { give_up(); }

  /// False with a Python error set.
  bool start(PyObject* timeout) { return begin(timeout); }
  /// This, to be awaited again.
  PyObject* next();

  PyObject* take_result() override;
  void give_up() noexcept override;
  bool waits_for_user() const noexcept override { return true; }

 private:
  bool set_out() override;

  class Step final : public CopyOut {
   public:
    Step(CopyOutRequest& owner, std::string_view sql) noexcept : CopyOut(sql), owner_(owner) {}

   private:
    Appetite on_data(CopyData& data) override;
    void on_complete(CommandTag tag) override { owner_.status_ = tag.text(); }
    void on_progress() noexcept override { owner_.progressed(); }
    void on_done() noexcept override { owner_.ended(); }

    CopyOutRequest& owner_;
  };

  /// Room for so many bytes. False with a Python error set.
  bool reserve(std::size_t capacity);
  PyObject* take_chunk();
  void progressed() noexcept;
  void ended() noexcept;

  Ref chunk_;  // bytes, of which size_ are there
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::string status_;
  std::optional<Step> step_;
  bool is_full_ = false;
};

}  // namespace pgstride::python
