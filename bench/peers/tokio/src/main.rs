// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0

//! tokio-postgres as its users write it, in a process of its own; run.py tells it what to do, as
//! bench/main.cpp has it. On one thread, with deadpool as the pool.

use std::error::Error;
use std::io::BufRead;
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures_util::{future::try_join_all, stream::FuturesOrdered, StreamExt, TryStreamExt};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Client, CopyInSink, NoTls, Row, Statement};

const PIPELINED_AT_ONCE: usize = 1000;
const POOL_SIZE: usize = 8;
const POOL_TASKS: usize = 64;
const COPIED_ROWS: usize = 1_000_000;
const DISTINCT_RECORDS: usize = 1000;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct Work {
    count: usize,
    argument: Option<i32>,
    kind: String,
    sql: String,
    check: bool,
}

/// What was read, added up: cheap, and different when a value is.
#[derive(Default, Clone, Copy)]
struct Digest {
    rows: u64,
    sum: u64,
}

impl Digest {
    fn add(&mut self, value: i64) {
        self.sum = self.sum.wrapping_mul(31).wrapping_add(value as u64);
    }
    fn add_int(&mut self, value: i32) {
        self.rows += 1;
        self.add(value.into());
    }
}

/// What every contestant makes of a numeric.
struct DigitSum(i64);

impl<'a> FromSql<'a> for DigitSum {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Outcome<Self> {
        let digits = raw.get(8..).ok_or("too short")?;
        Ok(DigitSum(digits.chunks_exact(2).map(|d| i64::from(i16::from_be_bytes([d[0], d[1]]))).sum()))
    }
    fn accepts(ty: &Type) -> bool {
        *ty == Type::NUMERIC
    }
}

struct Uuid([u8; 16]);

impl<'a> FromSql<'a> for Uuid {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Outcome<Self> {
        Ok(Uuid(raw.try_into()?))
    }
    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }
}

fn read_mixed(row: &Row, digest: &mut Digest) -> Outcome<()> {
    digest.add_int(row.get(0));
    let at: SystemTime = row.get(1);
    digest.add(at.duration_since(UNIX_EPOCH)?.as_micros() as i64);
    let text: &str = row.get(2);
    digest.add(text.len() as i64 + i64::from(*text.as_bytes().last().ok_or("no text")?));
    digest.add(row.get::<_, f64>(3).to_bits() as i64);
    digest.add(row.get::<_, DigitSum>(4).0);
    let uuid: Uuid = row.get(5);
    digest.add(i64::from(uuid.0[0]) + i64::from(uuid.0[15]));
    Ok(())
}

fn read(rows: &[Row], mixed: bool) -> Outcome<Digest> {
    let mut digest = Digest::default();
    for row in rows {
        if mixed {
            read_mixed(row, &mut digest)?;
        } else {
            digest.add_int(row.get(0));
        }
    }
    Ok(digest)
}

async fn pipeline(client: &Client, statement: &Statement, argument: i32) -> Outcome<Digest> {
    let arguments: [&(dyn ToSql + Sync); 1] = [&argument];
    let ask = || client.query_one(statement, &arguments);
    let mut all: FuturesOrdered<_> = (0..PIPELINED_AT_ONCE).map(|_| ask()).collect();
    let mut digest = Digest::default();
    while let Some(row) = all.next().await {
        digest.add_int(row?.get(0));
    }
    Ok(digest)
}

async fn on_pool(pool: &Pool, work: &Work) -> Outcome<Digest> {
    let tasks = POOL_TASKS.min(work.count);
    let one_task = |task: usize| async move {
        let mut digest = Digest::default();
        for _ in (task..work.count).step_by(tasks) {
            let client = pool.get().await?;
            let statement = client.prepare_cached(&work.sql).await?;
            digest = read(&client.query(&statement, &[]).await?, false)?;
        }
        Outcome::Ok(digest)
    };
    Ok(try_join_all((0..tasks).map(one_task)).await?[0])
}

type Record = (i32, String, f64, SystemTime);

fn records() -> Vec<Record> {
    let start = UNIX_EPOCH + Duration::from_secs(1_767_225_600); // 2026-01-01
    (0..DISTINCT_RECORDS)
        .map(|i| (i as i32, format!("row number {i}"), i as f64 / 7.0, start + Duration::from_micros(i as u64)))
        .collect()
}

async fn copy_in(client: &Client, work: &Work, records: &[Record]) -> Outcome<Digest> {
    let columns = &work.sql;
    client
        .batch_execute(&format!("create temp table if not exists copied ({columns}); truncate copied"))
        .await?;
    let sink: CopyInSink<Bytes> = client.copy_in("COPY copied FROM STDIN (FORMAT binary)").await?;
    let types = [Type::INT4, Type::TEXT, Type::FLOAT8, Type::TIMESTAMPTZ];
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for (id, name, x, at) in records.iter().cycle().take(COPIED_ROWS) {
        writer.as_mut().write(&[id, name, x, at]).await?;
    }
    let rows = writer.finish().await?;
    if !work.check {
        return Ok(Digest::default());
    }
    let row = client.query_one("select sum(hashtext(c::text))::int8 from copied c", &[]).await?;
    Ok(Digest { rows, sum: row.get::<_, i64>(0) as u64 })
}

async fn copy_out(client: &Client, work: &Work) -> Outcome<Digest> {
    let mut stream = pin!(client.copy_out(&format!("COPY ({}) TO STDOUT", work.sql)).await?);
    let mut digest = Digest::default();
    // It does not tell how many rows there were; in text each has one line.
    while let Some(data) = stream.try_next().await? {
        digest.sum += data.len() as u64;
        if work.check {
            digest.rows += data.iter().filter(|&&byte| byte == b'\n').count() as u64;
        }
    }
    Ok(digest)
}

struct Peer {
    dsn: String,
    client: Client,
    statements: std::collections::HashMap<String, Statement>,
    pool: Option<Pool>,
    records: Vec<Record>,
}

impl Peer {
    async fn prepared(&mut self, sql: &str) -> Outcome<Statement> {
        if !self.statements.contains_key(sql) {
            let statement = self.client.prepare(sql).await?;
            self.statements.insert(sql.into(), statement);
        }
        Ok(self.statements[sql].clone())
    }

    async fn open_pool(&mut self) -> Outcome<()> {
        if self.pool.is_some() {
            return Ok(());
        }
        let how = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.dsn.parse()?, NoTls, how);
        let pool = Pool::builder(manager).max_size(POOL_SIZE).runtime(Runtime::Tokio1).build()?;
        let _all = try_join_all((0..POOL_SIZE).map(|_| pool.get())).await?;
        self.pool = Some(pool.clone());
        Ok(())
    }

    async fn run(&mut self, work: &Work) -> Outcome<Digest> {
        if work.kind == "pool of 8" {
            self.open_pool().await?;
            return on_pool(self.pool.as_ref().ok_or("no pool")?, work).await;
        }
        let mut digest = Digest::default();
        for _ in 0..work.count {
            digest = match work.kind.as_str() {
                "copy in" => copy_in(&self.client, work, &self.records).await?,
                "copy out" => copy_out(&self.client, work).await?,
                kind => {
                    let statement = self.prepared(&work.sql).await?;
                    match (kind, &work.argument) {
                        ("pipelined", Some(argument)) => pipeline(&self.client, &statement, *argument).await?,
                        (_, Some(argument)) => read(&self.client.query(&statement, &[argument]).await?, false)?,
                        _ => read(&self.client.query(&statement, &[]).await?, kind == "mixed")?,
                    }
                }
            };
        }
        Ok(digest)
    }
}

fn parse(line: &str) -> Outcome<Work> {
    let fields: Vec<&str> = line.splitn(5, '\t').collect();
    let [action, count, argument, kind, sql] = fields[..] else { return Err("not five fields".into()) };
    Ok(Work {
        count: count.parse()?,
        argument: argument.parse().ok(),
        kind: kind.into(),
        sql: sql.into(),
        check: action == "check",
    })
}

/// User and system, of the whole process.
fn cpu() -> u128 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the only argument is valid for the call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    now.tv_sec as u128 * 1_000_000_000 + now.tv_nsec as u128
}

async fn serve(dsn: String) -> Outcome<()> {
    let (client, connection) = tokio_postgres::connect(&dsn, NoTls).await?;
    tokio::spawn(connection);
    let mut peer = Peer { dsn, client, statements: Default::default(), pool: None, records: records() };
    println!("tokio-postgres");
    for line in std::io::stdin().lock().lines() {
        let work = parse(&line?)?;
        if work.kind == "batch" {
            println!("-"); // each of its requests has a Sync of its own
            continue;
        }
        let (start, used) = (Instant::now(), cpu());
        let digest = peer.run(&work).await?;
        let (took, used) = (start.elapsed().as_nanos(), cpu() - used);
        if work.check {
            println!("{} {}", digest.rows, digest.sum);
        } else {
            println!("{used}\t{took}");
        }
    }
    Ok(())
}

fn main() {
    let dsn = std::env::args().nth(1).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Err(error) = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(serve(dsn))) {
        eprintln!("tokio-postgres: {error}");
        std::process::exit(1);
    }
}
