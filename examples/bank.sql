-- The bank of demo.py and demo.cpp, much like TPC-B's: 100 000 accounts with 1 000 in each, 10 branches that
-- own the money, 100 tellers whose hands it goes through, and a history of all transfers.
drop schema if exists pgstride_demo cascade;
create schema pgstride_demo;
set search_path = pgstride_demo;

create table accounts (id int primary key, branch int not null, balance bigint not null);
create table branches (id int primary key, balance bigint not null);
create table tellers (id int primary key, turnover bigint not null);
create table history (source int, target int, teller int, amount bigint, at timestamptz default now());

insert into accounts select i, i % 10 + 1, 1000 from generate_series(1, 100000) i;
insert into branches select branch, sum(balance) from accounts group by branch;
insert into tellers select i, 0 from generate_series(1, 100) i;
analyze accounts, branches, tellers;

-- What must be true whenever nobody is in the middle of a transfer.
create view books as
select 'the accounts follow from their history' as what, bool_and(balance = 1000 + coalesce(moved, 0)) as is_right
    from accounts left join (
        select account, sum(amount) as moved from (
            select source as account, -amount as amount from history union all select target, amount from history
        ) as movements group by account
    ) as sums on account = id
union all
select 'the branches own what their accounts hold', bool_and(balance = held)
    from branches left join (select branch, sum(balance) as held from accounts group by branch) as sums on branch = id
union all
select 'the tellers'' turnovers follow from their history', bool_and(turnover = coalesce(moved, 0))
    from tellers left join (select teller, sum(amount) as moved from history group by teller) as sums on teller = id;
