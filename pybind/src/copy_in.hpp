// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPY … FROM STDIN from Python. CopyRecordsRequest pulls rows out of an iterable by itself, straight into the
// write buffer; CopyInRequest is brought its data, or rows, by the facade, for whatever must be waited for.
#pragma once

#include <optional>
#include <string>

#include "pgstride/driver/copy_writer.hpp"
#include "pgstride/pybind/src/exchange.hpp"
#include "pgstride/pybind/src/plan.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// Rows in binary format, as the statement's columns are.
class RecordWriter {
 public:
  /// Null: none.
  explicit RecordWriter(StatementRef statement) noexcept : statement_(std::move(statement)) {}

  explicit operator bool() const noexcept { return static_cast<bool>(statement_); }
  /// False with a Python error set when a column cannot be written in binary.
  bool prepare(Registry& registry);
  bool write(PyObject* record, WriteBuffer& out) const { return plan_->encode_record(record, out); }

 private:
  StatementRef statement_;
  const Plan* plan_ = nullptr;
};

class CopyRecordsRequest final : public Exchange {
 public:
  CopyRecordsRequest(PyObject* core, PyObject* sql, StatementRef statement) noexcept
      : Exchange(core, sql), writer_(std::move(statement)) {}
  ~CopyRecordsRequest() override { give_up(); }

  /// `records` is an iterable. False with a Python error set.
  bool start(PyObject* records, PyObject* timeout);

  /// The status.
  PyObject* take_result() override;
  void give_up() noexcept override;
  int traverse(visitproc visit, void* arg) const override;

 private:
  bool set_out() override;

  class Step final : public CopyIn {
   public:
    Step(CopyRecordsRequest& owner, std::string_view sql) noexcept : CopyIn(sql), owner_(owner) {}

   private:
    Supply supply(WriteBuffer& out) override;
    void on_start(const CopyResponse& response) override;
    void on_complete(CommandTag tag) override { owner_.status_ = tag.text(); }
    void on_done() noexcept override { owner_.finish(); }

    CopyRecordsRequest& owner_;
    bool in_header_ = true;
    bool is_binary_ = false;
  };

  RecordWriter writer_;
  Ref iterator_;
  std::string status_;
  std::optional<Step> step_;
};

/// Awaited many times: for the start, for room, and for the end.
class CopyInRequest final : public Exchange {
 public:
  CopyInRequest(PyObject* core, PyObject* sql, StatementRef statement) noexcept
      : Exchange(core, sql), writer_(std::move(statement)) {}
  ~CopyInRequest() override { give_up(); }

  /// To be awaited: the server wants data. False with a Python error set.
  bool start(PyObject* timeout) { return begin(timeout); }
  /// Both take their argument in. None, or this, to be awaited before more is brought; null with a
  /// Python error set.
  PyObject* write(PyObject* data);
  PyObject* write_record(PyObject* record);
  /// This, to be awaited: the status.
  PyObject* end();
  /// The same; the status is None. The server is told the reason.
  PyObject* break_off(std::string_view reason);
  /// Nobody waits for anything any more.
  void give_up(std::string_view reason) noexcept;

  PyObject* take_result() override;
  void give_up() noexcept override;
  bool waits_for_user() const noexcept override { return true; }

 private:
  bool set_out() override;

  class Step final : public CopyWriter {
   public:
    Step(CopyInRequest& owner, std::string_view sql) : CopyWriter(owner.channel(), sql), owner_(owner) {}

   private:
    void on_start(const CopyResponse& response) override {
      owner_.is_binary_ = response.format == Format::binary;
    }
    void on_complete(CommandTag tag) override { owner_.status_ = tag.text(); }
    void on_progress() noexcept override { owner_.progressed(); }
    void on_done() noexcept override { owner_.ended(); }

    CopyInRequest& owner_;
  };
  bool can_write();
  /// Header or trailer. False with a Python error set.
  bool frame(void (*part)(WriteBuffer&));
  PyObject* wait_unless(bool has_room);
  PyObject* wait_for_end();
  void progressed() noexcept;
  void ended() noexcept;

  RecordWriter writer_;
  Ref data_;  // a memoryview of what is being sent
  std::string status_;
  std::optional<Step> step_;
  bool is_binary_ = false;
  bool is_ending_ = false;
  bool is_broken_ = false;
};

}  // namespace pgstride::python
