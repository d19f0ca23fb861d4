//! The worked settlements: seeded data of any size for the investor payout, the royalty settlement and the merchant
//! settlement. Must not compute what they are there to test.
