// What a read costs is mostly its way over the boundary, so a usual result crosses at once.

/**
 * Puts the bytes of a read's result into `buffer`. Returns how many there were; -1 of anything but bytes that fit: the
 * end, a text, another kind of view.
 */
export function takeBytes(result, buffer) {
  try {
    const bytes = result.value;
    if (result.done || !(bytes instanceof Uint8Array)) return -1;
    const { length } = bytes;
    if (length > buffer.length) return -1;
    buffer.set(bytes);
    return length;
  } catch {
    // A getter of the caller's, or a view that lies about its length.
    return -1;
  }
}
