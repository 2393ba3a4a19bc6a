// A drawn person and a drawn slide instead of Chromium's test pattern, for pictures that people look at. Runs in the page before its own
// scripts; the meeting around it stays a real one: the drawing is encoded, sent and decoded like any camera's picture.

/** Colours by name: background from and to, clothes, skin. */
export const LOOK_OF = {
  Ana: ["#b06060", "#7a5a3c", "#4a8a4e", "#f3d6c2"],
  Ben: ["#6a9ab8", "#2f3468", "#8a4a7a", "#ecd8cc"],
  Cleo: ["#86b66a", "#3a7050", "#465a86", "#efdcc4"],
  ليلى: ["#c79a5e", "#6d4a3a", "#2f6a78", "#e6c9a8"],
};

export function drawInsteadOfFilming([from, to, clothes, skin]) {
  const canvas = document.createElement("canvas");
  canvas.width = 1280;
  canvas.height = 720;
  const pen = canvas.getContext("2d");
  const disc = (x, y, across, down, colour) => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.ellipse(x, y, across, down, 0, 0, 2 * Math.PI);
    pen.fill();
  };
  const draw = () => {
    const sway = 8 * Math.sin(performance.now() / 900);
    const wall = pen.createLinearGradient(0, 0, 1280, 720);
    wall.addColorStop(0, from);
    wall.addColorStop(1, to);
    pen.fillStyle = wall;
    pen.fillRect(0, 0, 1280, 720);
    disc(640 + sway / 2, 760, 300, 290, clothes);
    disc(640 + sway, 330, 140, 155, skin);
  };
  setInterval(draw, 66);
  navigator.mediaDevices.getDisplayMedia = async () => {
    const slide = document.createElement("canvas");
    slide.width = 1280;
    slide.height = 720;
    const chalk = slide.getContext("2d");
    const write = () => {
      chalk.fillStyle = "#fbfaf7";
      chalk.fillRect(0, 0, 1280, 720);
      chalk.fillStyle = "#15201d";
      chalk.font = "600 56px sans-serif";
      chalk.fillText("Visitors by season", 96, 140);
      [220, 310, 410, 270].forEach((height, index) => {
        chalk.fillStyle = ["#8fb8a9", "#4f9b85", "#0b7a65", "#6aa997"][index];
        chalk.fillRect(96 + index * 280, 620 - height, 200, height);
        chalk.fillStyle = "#5a6763";
        chalk.font = "28px sans-serif";
        chalk.fillText(["Winter", "Spring", "Summer", "Autumn"][index], 96 + index * 280, 664);
      });
    };
    write();
    // a still canvas sends no pictures
    setInterval(write, 200);
    return slide.captureStream(5);
  };
  const film = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => {
    if (!wish?.video) return film(wish);
    const stream = canvas.captureStream(15);
    if (wish.audio)
      for (const track of (await film({ audio: wish.audio })).getTracks()) stream.addTrack(track);
    return stream;
  };
}
