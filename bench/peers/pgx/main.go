// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0

// pgx as its users write it, in a process of its own; run.py tells it what to do, as bench/main.cpp has it.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	executedAtOnce  = 1000
	poolSize        = 8
	poolTasks       = 64
	copiedRows      = 1_000_000
	distinctRecords = 1000
)

var ctx = context.Background()

type work struct {
	count     int
	arguments []any
	kind      string
	sql       string
	check     bool
}

// What was read, added up: cheap, and different when a value is.
type digest struct{ rows, sum uint64 }

func (d *digest) add(value int64) { d.sum = d.sum*31 + uint64(value) }

func (d *digest) addInt(value int32) {
	d.rows++
	d.add(int64(value))
}

// The sum of its digits to base 10000, which is how a numeric travels. Two decimals are one such digit.
func digitSum(number pgtype.Numeric) int64 {
	value := number.Int.Int64()
	for exponent := number.Exp; exponent > -4; exponent-- {
		value *= 10
	}
	sum := int64(0)
	for ; value > 0; value /= 10000 {
		sum += value % 10000
	}
	return sum
}

type asker interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
}

func readInts(from asker, w work) (digest, error) {
	var d digest
	rows, err := from.Query(ctx, w.sql, w.arguments...)
	if err != nil {
		return d, err
	}
	defer rows.Close()
	for rows.Next() {
		var number int32
		if err := rows.Scan(&number); err != nil {
			return d, err
		}
		d.addInt(number)
	}
	return d, rows.Err()
}

func readMixed(from asker, w work) (digest, error) {
	var d digest
	rows, err := from.Query(ctx, w.sql, w.arguments...)
	if err != nil {
		return d, err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			number int32
			at     time.Time
			text   string
			part   float64
			amount pgtype.Numeric
			uuid   [16]byte
		)
		if err := rows.Scan(&number, &at, &text, &part, &amount, &uuid); err != nil {
			return d, err
		}
		d.addInt(number)
		d.add(at.UnixMicro())
		d.add(int64(len(text)) + int64(text[len(text)-1]))
		d.add(int64(math.Float64bits(part)))
		d.add(digitSum(amount))
		d.add(int64(uuid[0]) + int64(uuid[15]))
	}
	return d, rows.Err()
}

func runBatch(conn *pgx.Conn, w work) (digest, error) {
	var d digest
	batch := &pgx.Batch{}
	for range executedAtOnce {
		batch.Queue(w.sql, w.arguments...)
	}
	results := conn.SendBatch(ctx, batch)
	defer results.Close()
	for range executedAtOnce {
		var number int32
		if err := results.QueryRow().Scan(&number); err != nil {
			return d, err
		}
		d.addInt(number)
	}
	return d, results.Close()
}

func onPool(pool *pgxpool.Pool, w work) (digest, error) {
	tasks := min(poolTasks, w.count)
	var all sync.WaitGroup
	found := make([]digest, tasks)
	failed := make([]error, tasks)
	for task := range tasks {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := task; i < w.count && failed[task] == nil; i += tasks {
				found[task], failed[task] = readInts(pool, w)
			}
		}()
	}
	all.Wait()
	return found[0], errors.Join(failed...)
}

func records() [][]any {
	all := make([][]any, distinctRecords)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range all {
		at := start.Add(time.Duration(i) * time.Microsecond)
		all[i] = []any{int32(i), "row number " + strconv.Itoa(i), float64(i) / 7, at}
	}
	return all
}

func copyIn(conn *pgx.Conn, w work, rows [][]any) (digest, error) {
	var d digest
	setUp := "create temp table if not exists copied (" + w.sql + "); truncate copied"
	if _, err := conn.Exec(ctx, setUp); err != nil {
		return d, err
	}
	source := pgx.CopyFromSlice(copiedRows, func(i int) ([]any, error) { return rows[i%len(rows)], nil })
	count, err := conn.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id", "name", "x", "at"}, source)
	if err != nil || !w.check {
		return d, err
	}
	d.rows = uint64(count)
	var sum int64
	err = conn.QueryRow(ctx, "select sum(hashtext(c::text))::int8 from copied c").Scan(&sum)
	d.sum = uint64(sum)
	return d, err
}

type counter uint64

func (c *counter) Write(data []byte) (int, error) {
	*c += counter(len(data))
	return len(data), nil
}

func copyOut(conn *pgx.Conn, w work) (digest, error) {
	var size counter
	tag, err := conn.PgConn().CopyTo(ctx, &size, "COPY ("+w.sql+") TO STDOUT")
	return digest{uint64(tag.RowsAffected()), uint64(size)}, err
}

type client struct {
	dsn     string
	conn    *pgx.Conn
	pool    *pgxpool.Pool
	records [][]any
}

func (c *client) openPool() error {
	if c.pool != nil {
		return nil
	}
	config, err := pgxpool.ParseConfig(c.dsn)
	if err != nil {
		return err
	}
	config.MinConns, config.MaxConns = poolSize, poolSize
	c.pool, err = pgxpool.NewWithConfig(ctx, config)
	return err
}

func (c *client) run(w work) (d digest, err error) {
	if w.kind == "pool of 8" {
		if err = c.openPool(); err != nil {
			return d, err
		}
		return onPool(c.pool, w)
	}
	for i := 0; i < w.count && err == nil; i++ {
		switch w.kind {
		case "mixed":
			d, err = readMixed(c.conn, w)
		case "batch":
			d, err = runBatch(c.conn, w)
		case "copy in":
			d, err = copyIn(c.conn, w, c.records)
		case "copy out":
			d, err = copyOut(c.conn, w)
		default:
			d, err = readInts(c.conn, w)
		}
	}
	return d, err
}

func parse(line string) work {
	fields := strings.SplitN(line, "\t", 5)
	w := work{check: fields[0] == "check", kind: fields[3], sql: fields[4]}
	w.count, _ = strconv.Atoi(fields[1])
	if argument, err := strconv.ParseInt(fields[2], 10, 32); err == nil {
		w.arguments = []any{int32(argument)}
	}
	return w
}

// User and system, of the whole process.
func cpu() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/jackc/pgx/v5" {
				return " " + module.Version
			}
		}
	}
	return ""
}

func serve(dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	c := client{dsn: dsn, conn: conn, records: records()}
	fmt.Println("pgx" + version())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		w := parse(lines.Text())
		if w.kind == "pipelined" { // it has one Sync for all of a batch
			fmt.Println("-")
			continue
		}
		start, used := time.Now(), cpu()
		d, err := c.run(w)
		if err != nil {
			return err
		}
		if w.check {
			fmt.Println(d.rows, d.sum)
		} else {
			fmt.Printf("%d\t%d\n", cpu()-used, time.Since(start))
		}
	}
	return lines.Err()
}

func main() {
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "pgx:", err)
		os.Exit(1)
	}
}
