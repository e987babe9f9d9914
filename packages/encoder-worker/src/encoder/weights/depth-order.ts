/**
 * Creation numbers of the 94 convolutions in the order of Keras' `model.layers`: by depth from the output, and among layers of one
 * depth in the order in which a walk from the output reaches them. `.weights.h5` files number layers of a kind in this order.
 */
export const DEPTH_ORDER: readonly number[] = [
  1, 2, 3, 4, 5, 9, 7, 10, 6, 8, 11, 12, 16, 14, 17, 13, 15, 18, 19, 23, 21, 24, 20, 22, 25, 26, 28, 29, 27, 30, 35, 36, 32, 37, 33, 38, 31,
  34, 39, 40, 45, 46, 42, 47, 43, 48, 41, 44, 49, 50, 55, 56, 52, 57, 53, 58, 51, 54, 59, 60, 65, 66, 62, 67, 63, 68, 61, 64, 69, 70, 73,
  74, 71, 75, 72, 76, 81, 78, 82, 79, 80, 83, 84, 77, 85, 90, 87, 91, 88, 89, 92, 93, 86, 94,
];
