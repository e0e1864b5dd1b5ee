-- The audit database: what the catalogue changed, by month.

create table events (
    id uuid not null,
    happened_at timestamptz not null,
    action text not null,
    subject text not null,
    detail jsonb not null default '{}',
    primary key (happened_at, id)
) partition by range (happened_at);
create table events_later partition of events default;
create index events_subject on events (subject);

do $months$
declare
    month date;
begin
    for month in select generate_series(date_trunc('month', now()), now() + interval '2 months', '1 month') loop
        execute format('create table %I partition of events for values from (%L) to (%L)',
            'events_' || to_char(month, 'YYYY_MM'), month, month + interval '1 month');
    end loop;
end
$months$;

create view events_by_day as
    select date_trunc('day', happened_at) as day, action, count(*) as events from events group by 1, 2;

grant select on all tables in schema public to catalogue_report;
alter default privileges in schema public grant select on tables to catalogue_report;
grant insert on events to catalogue_app;
-- "on conflict do nothing" has to see whether the event is there already.
grant select on events to catalogue_app;
