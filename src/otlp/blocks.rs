//! The bytes of many records in few allocations: a record of its own would cost as much to allocate and to free as to
//! encode.

/// A block is begun with room for so many bytes; a larger record has one of its own size.
const BLOCK_BYTES: usize = 16 << 10;

/// Where a text of bytes is in [`Blocks`].
#[derive(Debug, Default)]
pub(super) struct Place {
    block: usize,
    start: usize,
    len: usize,
}

impl Place {
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

/// Bytes that come one behind the other, and go in about the order they came in: a block is freed with the last in it.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    /// The one that is filled.
    open: usize,
}

#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    /// How many places are in it; without any it is empty.
    used: usize,
}

impl Blocks {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Place {
        let has_room = |block: &Block| block.bytes.capacity() - block.bytes.len() >= bytes.len();
        if !self.blocks.get(self.open).is_some_and(has_room) {
            self.open = self.blocks.iter().position(|block| block.used == 0).unwrap_or(self.blocks.len());
            if self.open == self.blocks.len() {
                self.blocks.push(Block::default());
            }
        }
        let mut place = Place { block: self.open, start: 0, len: bytes.len() };
        if let Some(block) = self.blocks.get_mut(self.open) {
            if block.used == 0 {
                block.bytes.reserve_exact(bytes.len().max(BLOCK_BYTES));
            }
            place.start = block.bytes.len();
            block.bytes.extend_from_slice(bytes);
            block.used += 1;
        }
        place
    }

    pub(super) fn get(&self, place: &Place) -> &[u8] {
        let block = self.blocks.get(place.block);
        block.and_then(|block| block.bytes.get(place.start..place.start + place.len)).unwrap_or_default()
    }

    pub(super) fn free(&mut self, place: &Place) {
        let Some(block) = self.blocks.get_mut(place.block) else { return };
        block.used = block.used.saturating_sub(1);
        if block.used == 0 {
            if place.block == self.open && block.bytes.capacity() == BLOCK_BYTES {
                block.bytes.clear();
            } else {
                block.bytes = Vec::new();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of all sizes, freed in about their order: each is found as it was, and at the end nothing is kept but the
    /// block that is filled.
    #[test]
    fn bytes_are_found_until_they_are_freed() {
        let mut blocks = Blocks::default();
        let mut held: Vec<(Place, Vec<u8>)> = Vec::new();
        let mut seed = 7_u32;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(0x5851_F42D).wrapping_add(12_345);
            (seed >> 8) as usize % below
        };
        for round in 0..3_000 {
            let len = [0, 1, 700, 900, 5_000, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES][next(8)];
            let bytes = vec![round as u8; len];
            held.push((blocks.push(&bytes), bytes));
            while held.len() > next(60) {
                let (place, _) = held.remove(next(3) % held.len());
                blocks.free(&place);
            }
            assert!(
                held.iter().all(|(place, bytes)| blocks.get(place) == bytes && place.len() == bytes.len())
            );
        }
        held.iter().for_each(|(place, _)| blocks.free(place));
        let kept: usize = blocks.blocks.iter().map(|block| block.bytes.capacity()).sum();
        assert!(kept <= BLOCK_BYTES, "{kept}");
    }
}
