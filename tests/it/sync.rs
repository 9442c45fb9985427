//! The exchange over real sockets and real files.

mod region;

use region::World;

#[test]
fn two_clinics_fill_each_other() {
    let world = World::of(2);
    world.clinics[0].write(5);
    world.clinics[1].write(3);
    world.place(&[(0, &[1]), (1, &[0])]);
    world.until_same(0, &[0, 1], 7);
    world.until_same(1, &[0, 1], 5);
}
