namespace OpsPlatform.Sync.Feed;

/// <summary>Which entries a reader wants; an empty list admits all.</summary>
internal sealed record FeedFilter(string[] EntityTypes, string[] EventTypes)
{
    public static readonly FeedFilter None = new([], []);

    public bool AdmitsAll => EntityTypes.Length == 0 && EventTypes.Length == 0;

    public bool Admits(Frame frame) =>
        (EntityTypes.Length == 0 || EntityTypes.Contains(frame.EntityType))
        && (EventTypes.Length == 0 || EventTypes.Contains(frame.EventType));
}
