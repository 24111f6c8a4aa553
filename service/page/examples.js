/* Reviews to try; all of them written for this page. */

/**
 * @typedef {object} Example
 * @property {string} name
 * @property {string} text
 * @property {string[]} [models] the two to put side by side, where the service has them
 */

/** @type {Example[]} */
export const EXAMPLES = [
  {
    name: "A turn in the middle",
    text:
      "The first half hour is slow, and I nearly gave up on it: the jokes fall flat and the plot goes nowhere. Then " +
      "the brother comes home and the film wakes up. The writing sharpens, the acting is superb, and the last scene " +
      "is one of the most moving I have seen in years. I left with tears in my eyes and would gladly see it again.",
  },
  {
    name: "Praise",
    text:
      "What a warm, generous film. The two leads are wonderful together, the dialogue is sharp without showing off, " +
      "and every small scene earns its place. I laughed, I cried a little, and I called my sister afterwards to tell " +
      "her to see it.",
  },
  {
    name: "A pan",
    text:
      "Two hours I will never get back. The story makes no sense, the acting is wooden and the ending is simply " +
      "insulting. Even the music is annoying. A complete waste of a talented cast.",
  },
  {
    name: "Negation",
    text:
      "I did not hate it. It is not boring, it is never stupid, and nobody in it is bad. But it is not good either: " +
      "there was nothing I wanted to see twice.",
  },
  {
    name: "Emoji",
    text:
      "Watched it with the whole family 👨‍👩‍👧‍👦 and nobody looked at a phone 📱 once! The café scene is naïve and lovely 😍, " +
      "the ending not so much 😴. 9/10, would cry again 😭",
  },
  {
    name: "What an RNN forgets",
    models: ["rnn-100", "lstm-100"],
    text:
      "This is a wonderful, moving and beautifully acted film, the best I have seen this year. The story is set in a " +
      "small town on the coast, where a man who works in a shop meets a woman who has come from the city to look for " +
      "her brother. They walk along the harbour and talk about the people they used to know. In the evening they go " +
      "to the house of his mother, who makes dinner for them and shows them the pictures on the wall. The next day " +
      "they take the bus to the next town, and then another one, and at the end of the week they are back where " +
      "they were.",
  },
];
