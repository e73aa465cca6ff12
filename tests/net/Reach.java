import java.net.*;

/* What it names is reached, by a plain socket. */
class Reach {
	public static void main(String[] words) throws Exception {
		try (Socket s = new Socket(words[0], Integer.parseInt(words[1]))) {
			System.out.println("there");
		}
	}
}
