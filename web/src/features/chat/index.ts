export { ChatPanel } from "./chat-panel";
export { useChatAnnouncements } from "./use-chat-announcements";
export { useChatVisible } from "./use-chat-visible";
export { useKeptChat } from "./use-kept-chat";
