// Computes for a while.
export function primes(below) {
  let count = 0;
  for (let n = 2; n < below; n++) {
    let prime = true;
    for (let i = 2; i < n; i++) {
      if (n % i === 0) {
        prime = false;
        break;
      }
    }
    if (prime) count++;
  }
  return count;
}
