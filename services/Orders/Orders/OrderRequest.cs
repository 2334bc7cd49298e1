using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>One request to order on its way through the desk.</summary>
/// <param name="answer">What is kept under the key for what became of it.</param>
/// <param name="aborted">The caller is gone.</param>
internal sealed class OrderRequest(OrderDraft draft, Behalf behalf, HeldKey? key, Func<Placement, IResult> answer, CancellationToken aborted)
{
    private const int Waiting = 0;
    private const int Begun = 1;
    private const int Gone = 2;

    private int _state = Waiting;

    public OrderDraft Draft => draft;

    public Behalf Behalf => behalf;

    public HeldKey? Key => key;

    public CancellationToken Aborted => aborted;

    public TaskCompletionSource<Placement> Placed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IResult Answer(Placement placement) => answer(placement);

    /// <returns>False when the caller left before; once begun it is carried through.</returns>
    public bool TryBegin() => Interlocked.CompareExchange(ref _state, Begun, Waiting) != Gone;

    /// <summary>Takes the request back unless it was begun.</summary>
    public void Leave()
    {
        if (Interlocked.CompareExchange(ref _state, Gone, Waiting) == Waiting)
        {
            Placed.TrySetCanceled(aborted);
        }
    }
}
