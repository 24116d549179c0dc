//! The row lock is what keeps the writes of several processes in one line.

use std::thread;
use std::time::Duration;

use rusqlite::named_params;

use super::{database, run};
use crate::store::postgres::cluster::cluster;
use crate::store::{Address, Sizes, Store, Tx};

const ROUNDS: usize = 5;
/// On a busy machine the writes of a round may follow one another by chance.
const MAX_ROUNDS: usize = 200;
const OWNERS: i64 = 8;

/// The table `meta` without a lock: `FOR UPDATE` locks no row of a function.
const WITHOUT_LOCK: &str = "
    ALTER TABLE atelier.meta RENAME TO meta_row;
    CREATE FUNCTION atelier.meta_rows() RETURNS SETOF atelier.meta_row LANGUAGE plpgsql AS
        'BEGIN RETURN QUERY SELECT * FROM atelier.meta_row; END';
    CREATE VIEW atelier.meta AS SELECT * FROM atelier.meta_rows();
    CREATE FUNCTION atelier.count_up() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN UPDATE atelier.meta_row SET generation = generation + 1, edition = NEW.edition; RETURN NEW; END';
    CREATE TRIGGER count_up INSTEAD OF UPDATE ON atelier.meta FOR EACH ROW EXECUTE FUNCTION atelier.count_up();";

/// Leaves unless it is the last one, as the verbs do: looks, and then writes.
fn leave(tx: &Tx, id: i64) -> crate::error::Result<()> {
    let others: i64 = tx
        .conn
        .prepare_cached("SELECT count(*) FROM owners WHERE id <> :id")?
        .query_row(named_params! { ":id": id }, |row| row.get(0))?;
    thread::sleep(Duration::from_millis(2));
    if others > 0 {
        tx.conn.prepare_cached("DELETE FROM owners WHERE id = :id")?.execute(named_params! { ":id": id })?;
    }
    Ok(())
}

/// The numbers of owners that are left after all leave at once through two stores, until one of them ends the rounds.
fn left(name: &str, most: usize, is_last: impl Fn(&str) -> bool) -> Vec<String> {
    run(name, "CREATE TABLE atelier.owners (id BIGINT PRIMARY KEY);");
    let address = Address::parse(&cluster().address(name)).unwrap();
    let stores = [(); 2].map(|()| Store::open_postgres(&address, Sizes::default()).unwrap());
    let mut left = Vec::new();
    while left.len() < most && !left.last().is_some_and(|left: &String| is_last(left)) {
        run(name, &format!("INSERT INTO atelier.owners SELECT generate_series(1, {OWNERS}) ON CONFLICT DO NOTHING;"));
        thread::scope(|scope| {
            for id in 1..=OWNERS {
                let store = &stores[usize::from(id % 2 == 0)];
                scope.spawn(move || store.write_and_wait(move |tx| leave(tx, id)).unwrap());
            }
        });
        left.push(run(name, "SELECT count(*) FROM atelier.owners;").trim().to_owned());
    }
    stores.iter().for_each(Store::close);
    left
}

#[test]
fn one_owner_is_left_because_of_the_row_lock() {
    assert_eq!(left(&database(), ROUNDS, |_| false), ["1"; ROUNDS]);
    let without = database();
    run(&without, WITHOUT_LOCK);
    let left = left(&without, MAX_ROUNDS, |left| left == "0");
    assert_eq!(left.last().map(String::as_str), Some("0"), "without the lock, nobody is left at some time: {left:?}");
}
