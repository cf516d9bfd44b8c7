"""From declarations to what a screen needs: typed pages, compiled lists, navigation, actions and forms."""
